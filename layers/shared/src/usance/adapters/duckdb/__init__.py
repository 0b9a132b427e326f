"""Reading packed measurements with numpy and DuckDB, which only functions that aggregate carry."""
