"""The stages of a comparison, one file each: demonstrations, training, evaluation."""
