"""The REST service: recognition and a gallery over HTTP, with a web page.

server          starts it: one process or several
settings        where it listens, which gallery it serves, its limits
app             puts everything together
parts           what all calls share: the gallery, work queues, keys
batching        concurrent calls share batches of the model
work            runs work in threads, and refuses more than it can do
gate            refuses requests that are too large, too slow, or sent by a foreign page
observed        request ids, the log, metrics, security headers
errors          exceptions → the error envelope
access          who may call what: API keys, scopes, rates
keys            API keys in the gallery's database
forms           photos and fields of a request, as multipart or JSON; average_face.jpg for examples
repeated_requests  idempotency keys of enrolments
photo_answers, person_answers, schemas  what calls answer
photo_routes    detect, verify, compare, embeddings
people_routes, face_routes  people: enrol, list, rename, merge, split, forget; their faces and corrections
identify_routes who is on a photo
job_routes      background jobs
jobs            background jobs: their table, workers, what each kind does
about_routes    models, the gallery, health, metrics
page_routes     the web page, which is in page/
client, client_records, client_errors  the same from Python on another machine
"""
