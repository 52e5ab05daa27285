"""What the mind is: pure folds over events, one file each. They know events; they do no I/O and read no clock."""
