include(GNUInstallDirs)
install(DIRECTORY rules DESTINATION ${CMAKE_INSTALL_DATADIR}/anomaly_exporter)
install(DIRECTORY config/ DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/anomaly_exporter)
