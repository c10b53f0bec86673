"""What every room needs: errors, settings, logging, units, files. Imports nothing of ours."""
