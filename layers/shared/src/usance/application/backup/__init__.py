"""An organization as files and back: everything that it holds, row by row, counted and digested (docs/backup.md)."""
