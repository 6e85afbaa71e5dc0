"""A study file: the questions that a study asks.

study   the whole file
search  one search of it: which settings vary, and how their values are chosen
point   one combination of values
"""
