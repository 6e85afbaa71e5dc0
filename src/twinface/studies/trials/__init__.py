"""Trials: the points of a study, trained once with each seed.

proposals      grid, random and guided search: which points come next
trial          a trial and how it ended
trial_store    the database of trials, which several processes can share
train_trial    trains one trial; objective: its value; pruning: when it is stopped early
runner         what trains several trials at a time
local_runner   in processes of this machine
ray_runner     on a Ray cluster
"""
