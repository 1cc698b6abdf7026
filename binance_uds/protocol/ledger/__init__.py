"""What was told and what was delivered: the sums that show whether anything is missing, and where a run ended."""
