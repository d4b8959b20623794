"""From a sensor's messages to observations: clouds, images, states, and where each camera stands."""
