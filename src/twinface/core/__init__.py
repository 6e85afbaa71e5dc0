"""What every package stands on: records, errors, settings, the registry of components, files, seeds.

types         the records that packages hand on: faces, pairs, scored pairs, intervals
errors        the exceptions that are raised on purpose
settings      every setting of a training run, in one schema
registry      builds a component from its table and its settings
storage       whole-file writes
threads       work on many items by threads, in order
seeding       random generators that depend on (seed, purpose, epoch, step) only
interruption  Ctrl-C and SIGTERM
formatting    numbers as people read them
"""
