-- Staging for securities and security_shares; dropped at the end of the transaction.
CREATE TEMP TABLE stage_details (
    security_id bigint, sic_code text, sic_description text, sector text, shares bigint, list_date date
) ON COMMIT DROP
