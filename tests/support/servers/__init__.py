"""Real git servers for tests: no mock stands between the code under test and what a host
answers."""
