"""The Siamese network.

network                 the network as a whole: two faces → one score
backbones            a picture → an embedding; one file a network
projection           whitening and PLDA, fitted after training
score_normalisation  per-face score normalisation
initial_weights      how weights are drawn
build                settings → network
seeding              torch's generators at a position
"""
