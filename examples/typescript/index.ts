import * as fusion from "@pulumi-fusion/fusion";
const acme = new fusion.Customer("acme", {
    email: "admin@acme.example.com", givenName: "Skippy", familyName: "Longbottom",
    organization: "Acme Corporation", shortname: "acme-corp",
    type: fusion.CustomerType.SLG, status: fusion.CustomerStatus.TrialActive,
    dataRetention: 90, rollupRetention: 365, // days
});

// Where the customer's routers send their flow records.
export const address = acme.ingestIp;
export const port = acme.ingestPort;

// The account types that the service lists.
export const types = fusion.getCustomerTypesOutput().types.apply(types => types.map(each => each.value));
