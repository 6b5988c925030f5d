"""How a process of Moot does, for whoever runs it: metrics, health, and what reads them."""
