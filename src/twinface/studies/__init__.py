"""Studies: many training runs that answer a question together.

study      what a study file says
points     grid, random and guided search: which settings come next
ledger     which points there are and how they ended, in an Optuna study
trial      one point: its seeds trained one after the other, or given up early
local, cluster
           trials in processes of this machine, or as tasks of a Ray cluster
sweep      the loop over all of it, which can be killed at any moment
standings  who is better, and who cannot be told apart
effects    what each factor does
estimate   what a study will cost, before it is begun
"""
