"""The bones, and what is as dense as they are: vessels, organs, bowel, plaques."""
