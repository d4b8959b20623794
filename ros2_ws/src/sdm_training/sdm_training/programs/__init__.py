"""The Hydra programs `sdm-train`, `sdm-distill`, `sdm-evaluate` and `sdm-export`."""
