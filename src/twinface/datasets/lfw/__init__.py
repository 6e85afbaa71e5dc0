"""Labeled Faces in the Wild (Huang et al. 2007): 13,233 pictures of 5,749 people, with two official views.

dataset        the data set
without_fold   the data set without the people of one fold of View 2
layouts        its published alignments, and what a result on each may be called
home           where it is on the disk
list_rows      the rows of its text lists
pair_list      its lists of pairs
people_list    its lists of people
rebuilt_lists  its lists of people, rebuilt from its pictures
"""
