"""Reruns on other machines, through a Dask cluster whose workers get code and data from the git remote."""
