"""Components of a training or an evaluation that MONAI has none of."""
