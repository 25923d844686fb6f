"""Run on other machines through a Dask cluster. Workers get code and data from the git remote."""
