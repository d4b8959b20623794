"""Simulated benchmark tasks behind one registry. Importing this package settles how MuJoCo renders."""

from sdm_sim.gl import choose_gl

choose_gl()
