"""From what a customer agreed and used to a bill (README.md). Pure: values in, values out."""
