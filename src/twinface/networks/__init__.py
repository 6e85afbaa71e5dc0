"""The Siamese network: two faces in, one score out.

siamese              the network as a whole
backbones            picture → embedding; one file each
projections          linear maps fitted after training: whitening, PLDA
score_normalisation  a correction of scores for each face
initial_weights      how weights are drawn before training
build                settings → network
seeding              sets torch's random generator
"""
