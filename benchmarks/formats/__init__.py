"""The speed of formats: when a council's synthesis is there, and what planning costs."""
