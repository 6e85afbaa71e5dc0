"""Training: settings and data → a model.

What people call
    train             a run with progress bars, signals and profile
    request           what is asked for → a run that is ready to be trained
    own_photos        a folder of photos → recipe and split that suit the people in it
    evaluate_run      accuracy of a finished run
    judge_run         judges a run that has just ended on the people who were kept out
    recipe, recipes/  settings by name
    export            a trained network as an ONNX file

A run
    open_run          settings, data and network of a run, new or continued
    run               trains an open run to its end
    run_folder        the files of a run
    run_info          the records in `run.json`
    run_log           `log.txt`
    validation        figures on the validation people after an epoch
    training_sample   pairs of training people, measured beside them
    epoch_metrics     the figures of an epoch
    finalize          fits projection and score normalisation to the trained network
    cross_fitting     scores in which nobody is scored by what was fitted to them
    write_model       threshold, calibration and files of the finished model

The loop
    loop              epochs, validation, saving, resuming
    step              one training step
    plan              data and settings of training, and its position
    callbacks         functions that are called during training
    training_state    all that training changes
    state_file        the state on disk
    checkpoint        the finished weights on disk

Components
    build             settings → components
    sampling          which pictures make a batch
    augmentation      random distortions; look_alikes: more people from few
    teacher           embeddings that the network learns to copy
    losses            what training minimises
    optimizers, schedules, averaging

The machine
    machine           device, threads, precision
    runtime           deterministic operations, memory, compilation
    profiling         where the time goes
    processes         several processes that share each batch
    torchrun          joins the processes that torchrun has started
    shared_layers     dropout and batch_norms for a shared batch
"""
