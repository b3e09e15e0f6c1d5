SELECT latest_session(NULL)
