"""Labelled pairs from a file of your own.

read      reads such a file, in LFW's format or as CSV
csv_rows  the rows of the CSV format
repeats   pairs that are listed more than once
people    who is on each picture of a CSV
"""
