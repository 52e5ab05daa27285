"""What the mind can recall: indexes over the log, all of them disposable."""
