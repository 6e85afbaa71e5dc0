"""Use a model: verify two pictures, embed many, explain a score.

verifier             two pictures → verdict
verdict              the answer
embedding_files      many pictures → embeddings on disk
explanation          which regions of two faces move their score
explanation_picture  the same, drawn
"""
