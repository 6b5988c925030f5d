"""How many gateways, workers and writes a Moot of a size takes, and which limit binds first."""
