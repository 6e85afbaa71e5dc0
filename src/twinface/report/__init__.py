"""One self-contained page that shows a run, or a data set."""
