"""The readout of experiments on simulated ones, and beside tea-tasting."""
