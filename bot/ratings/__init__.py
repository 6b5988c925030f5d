"""What people's votes say of models: votes between answers that were shown together, and ratings from them. Pure."""
