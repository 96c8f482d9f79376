"""One file per revision; the first twelve are the baseline, one per schema."""
