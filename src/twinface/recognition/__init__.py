"""Use a model: verify two pictures, embed many, explain a score.

verifier          two pictures → verdict
photo_faces       the faces of a photo, aligned as a model takes them
rates             from wanted error rates to a threshold, and from a score to how often strangers reach it
likeness          how alike faces are to those that the threshold was fitted on
verdict           the answer: same or different, with score, threshold and probability
adapt             fits a model to one's own photos without labels
embed_photos      the embeddings of a folder, in memory
batch             many picture files → a folder of embeddings
picture_list      the picture files of a folder, or those that a text file names
embedding_folder  the files in a folder of embeddings
embedding_writer  writes its rows, so that a killed run can continue
batch_detect      many photos → a table of their faces
face_table        its columns
pair_file         the pairs of a file → a table of verdicts
pair_rows         reads that file
photo_table       many photos → such a table, whatever its rows are
table_file        a CSV or JSON lines that grows, and is continued after a kill
compare           all faces of two photos against each other
explanation       two pictures → which regions move their score
occlusion         the method: maps of two faces from a patch that slides over them
deletion          a test of the maps: do the regions that they mark move the score?
map_drawing       the maps drawn over the faces
face_window       where the face is in a prepared picture
face_text         faces and models in words
canvas            text and pictures as blocks of one picture
gallery           people who are enrolled, found again, and forgotten
show              photos with their faces, and pairs with the reasons for their verdict, as PNG or HTML
"""
