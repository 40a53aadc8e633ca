#include "anomaly_exporter/cli/main.h"

int main(int argc, char** argv) { return anomaly_exporter::cli::exporter_main(argc, argv); }
