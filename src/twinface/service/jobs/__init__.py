"""Background jobs of a gallery: long work that survives SIGKILL, with all of its state in the gallery's database.

records             what a job is, limits, errors
settings            what a caller may choose for each kind
table               for callers: create, add photos, start, list, cancel, delete, remove after some days
leases              for workers: claim a job, keep it, save one photo's result, end it
kinds               what is done for each kind
names               ids in place of names while the work is done, names again when results are read
results             pages of results
worker              the loop that claims jobs and works on them
"""
