/* missing-symbol: a shared object that exports something else. */
__attribute__((visibility("default"))) const int sallyport_plugin_v0 = 1;
