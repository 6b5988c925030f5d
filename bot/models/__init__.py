"""Models: the catalogue, and one seat speaking as a stream of deltas. The only room that knows litellm."""
