"""Images and labels as hospitals have them: reading, checking, pairing, splitting. No torch and no MONAI."""
