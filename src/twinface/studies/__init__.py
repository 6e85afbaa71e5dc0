"""Studies: many training runs that answer one question together; reference verifiers; LFW's View 2; the demo.

A study file asks for searches. A search has points: settings that vary, with their values. A trial trains one point
once with each seed.

run_study         a whole study in one call
sweep             trains a study from wherever it stands to its end; it can be killed at any moment
study_file        what can be asked for
trials            proposing, training and keeping trials
results           leaderboard, effects, costs
study_folder      the files of a study
prepare           checks, and pictures prepared before the first trial
cost_estimate     how long a study will take
controls          reference verifiers on the study's pairs, and models on the face or the background alone
final_test        scores the named trials on test people at the end
baselines         reference verifiers that need no training; baseline_methods: pixels, PCA, the untrained network
lfw_view2         LFW's View 2: ten models, each tested on its own fold
demo              the main job on the ORL faces
lfw_demo          the demo on LFW: a student report's network and the default recipe, on the same pairs
"""
