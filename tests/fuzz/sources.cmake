ae_add_fuzz(NAME query_json DEPS sources)
ae_add_fuzz(NAME csv DEPS sources)
