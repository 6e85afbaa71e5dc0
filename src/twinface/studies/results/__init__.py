"""The results of a study.

read_results  reads them from the study's folder
records       their records
leaderboard   which models are better, and which cannot be told apart
effects       what each factor does; importance: which factors matter; levels: the values of a factor
costs         what the runs took
"""
