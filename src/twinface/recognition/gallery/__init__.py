"""A gallery: people enrolled from photos, found again, and forgotten for good.

gallery         the object that callers use
tables          the part of it that needs no model
records         its answers
enrolment       which photos are taken, and why the others are not
identification  who is on a photo, or nobody
identify_files  the same for many photos, into a table
open_set        probabilities and limits that fit the number of people
score_rates     from a score to error rates far out in the tails
own_strangers   the same, where the people of this gallery score higher among each other
look_alikes     how often two people would be taken for each other
corrections     "this is the person", "this is not", "this face is somebody else's"
changes         rename, merge, split, forget
certification, certificate_page  how good a gallery is with its model, measured on its own people
transfer        people as a file of JSON lines, or from one store into another
clustering      unnamed faces → groups, one for each person
photo_groups    the faces of a folder, grouped, with a table and a page
reembedding     moves a gallery to another model
engine          what enrolling and identifying share: photos → faces → embeddings → scores
search          proposes people: all templates in memory
search_copy     a file from which a large gallery is searched soon after it is opened
ranking         the matrix product
fusion          several faces → one template
contents        rows of the store, opened: names, embeddings, the audit log
vault, key      seals the rows, under a key from the environment or a file
store, stored   what the gallery needs of a store, and the rows that it holds
stores          opens a store: a file, or a database by its URL
sqlite          one SQLite file
postgres        a PostgreSQL database
sql_store, schema  the tables in SQL, and their versions
"""
