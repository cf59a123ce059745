"""What happens inside one job. The only package that imports torch, MONAI and Horovod."""
