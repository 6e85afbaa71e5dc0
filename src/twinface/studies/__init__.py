"""Studies: many training runs that answer one question together; reference verifiers; LFW's View 2.

A study file asks for searches. A search has points: settings that vary, with their values. A trial trains one point
once with each seed.

study, search, point
                  the study file, and what can be asked for
proposals         grid, random and guided search: which points come next
trial, trial_store
                  a trial, and the database of trials that several processes can share
study_folder      everything that is stored for a study
prepare           checks and prepared pictures before the first trial
sweep             runs a study from wherever it stands to its end; it can be killed at any moment
runner, local_runner, ray_runner
                  train trials in processes of this machine, or on a Ray cluster
train_trial, pruning, objective
                  one trial: its runs, its value, and when it is stopped early
baselines, baseline_methods
                  reference verifiers without training cost
controls          reference verifiers on the study's pairs, and models on the face or the background alone
final_test        scores the named trials on test people at the end
read_results, results, costs
                  the results as records, and the time of the runs
leaderboard       which models are better, and which cannot be told apart
effects, importance, levels
                  what each factor does, and which factors matter
cost_estimate     how long a study will take
run_study         the whole of it in one call
demo              the main job on the ORL faces: train, judge, verify two pairs
lfw_view2         LFW's View 2: ten models, each tested on its own fold
"""
