"""What every package stands on: records, errors, settings, the registry of components, files, seeds.

types              the records that packages hand on: faces, pairs, scored pairs, intervals
errors             the exceptions that are raised on purpose
settings           every setting of a training run, in one schema
settings_sections  its sections: data, imaging, augmentation, network, validation, trainer
fields             number types and the strict base class of the settings
registry           builds a component from its table and its settings
suggestion         the nearest known word, for errors
json_records       reads JSON into frozen records, with every value checked
storage            writes files completely or not at all
file_lock          keeps two processes from writing the same place
packaged_file      files of weights that come in other packages
threads            work on many items in threads, with the results in order
limits             limits that hold in several packages
seeding            random generators that depend on (seed, purpose, epoch, step) only
interruption       Ctrl-C and SIGTERM
progress           progress bars
formatting         numbers as people read them
html_page          the frame and the style of every page
"""
