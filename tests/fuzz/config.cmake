ae_add_fuzz(NAME config_yaml DEPS config)
