"""JSONata: the mappings of fields that customers write for custom integrations."""
